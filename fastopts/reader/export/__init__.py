"""Tables, dictionaries, dataframes and files."""
