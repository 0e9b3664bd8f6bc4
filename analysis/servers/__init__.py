"""Servers with OpenAI's protocol: addresses and keys, a client, retries, refusals in words."""
