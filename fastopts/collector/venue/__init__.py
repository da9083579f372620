"""The venue's side: connections, the instrument universe, REST, resubscription."""
