"""One module per subcommand: ``register`` adds its parser, ``run`` returns a Result."""
