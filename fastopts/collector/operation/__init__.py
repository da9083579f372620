"""What operators see: status, warnings, metrics, and periodic duties that must not lapse.

monitor.py          coverage, status line and warnings, at intervals
status.py           a snapshot of the counters, and the status line
progress.py         progress bars of the start, on the last line of a terminal
exposition.py       metrics for Prometheus
metrics_server.py   HTTP server of the metrics
loop_lag.py         how late the event loop runs
duties.py           periodic duties with deadlines and alarms
recording.py        builds the recorder, and connects it with the other parts
heap.py             bounds on glibc's free memory
"""
