package language

func findJava(places, *probeCache, string) []Language { return nil }
