"""The only place that imports the Azure SDKs: clouds, sign-in, clients, resources, and errors told to people."""
