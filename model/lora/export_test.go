package lora

// MatchWrapped lets tests match names as they are in a wrapped network.
func MatchWrapped(c Config, modules []Module, wrapping string) ([]Target, error) {
	return c.match(modules, wrapping)
}
