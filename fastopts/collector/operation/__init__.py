"""What operators see: monitor, status line, metrics, periodic duties."""
