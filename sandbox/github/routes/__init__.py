"""The API, endpoint by endpoint: what is taken, from whom, and what is answered."""
