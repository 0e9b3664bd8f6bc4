"""The app in a browser: the page, and the server that starts an app for every page."""
