"""/deploy: promotion, checks, approval, and the backends that deploy the code."""
