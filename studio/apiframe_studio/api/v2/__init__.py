"""The second generation of the service (`https://api.apiframe.ai`): its calls, its JSON and its terms."""
