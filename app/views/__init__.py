"""The app's views, one package each; each has a number key and a tab."""
