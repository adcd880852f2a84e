"""What is told, in the shape of GitHub's answers and payloads."""
