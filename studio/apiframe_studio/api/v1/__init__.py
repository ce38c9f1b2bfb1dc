"""The first generation of the service (`https://api.apiframe.pro`): its calls, its JSON and its terms."""
