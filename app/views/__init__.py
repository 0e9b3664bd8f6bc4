"""The views of the app, one file each; each is one number key and one tab."""
