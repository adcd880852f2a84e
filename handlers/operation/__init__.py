"""The buttons of every operation: Approve, Reject, Cancel."""
