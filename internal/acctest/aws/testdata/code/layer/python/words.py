WORDS = ["tide", "gate"]
