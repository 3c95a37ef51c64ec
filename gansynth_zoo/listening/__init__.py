"""Listening tests: what is asked, the page that asks, and what comes back."""
