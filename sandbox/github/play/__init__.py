"""How a run goes: jobs and steps over simulated time, and what a test makes of them."""
