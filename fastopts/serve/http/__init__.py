"""HTTP: connections, admission, guard, responses, problems."""
