"""The ``supctl`` command: one thin module per subcommand, each loaded when it is called."""
