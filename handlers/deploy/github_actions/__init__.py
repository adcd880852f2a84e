"""Deploys by a GitHub Actions workflow: dispatch, the run's progress, GitHub's own record of deployments."""
