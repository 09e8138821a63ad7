"""A small Windows PowerShell 5.1: as much of it as configuring a web server takes, and an error for the rest."""
