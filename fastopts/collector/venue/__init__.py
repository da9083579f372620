"""The venue's side: connections, the instrument universe, REST.

connection.py       a WebSocket connection for one shard of symbols, which reconnects
pool.py             all connections, and the distribution of symbols over them
resubscriber.py     moves silent symbols to another connection
universe.py         the instruments there are, from REST; refresh and adoption
universe_cache.py   the file that replaces the venue's list when REST fails
rest_driver.py      sends REST requests: retries, bans, one at a time
rest_check.py       compares values with REST, and resubscribes symbols that look dead
suspects.py         marks symbols whose values readers must refuse
venue_time.py       estimates the venue's clock; reacts to clocks that were set
"""
