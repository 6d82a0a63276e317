// Command gen writes docs/recipe.md, the reference of the recipe, from the comments and tags of package recipe.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	source := flag.String("source", ".", "folder of package recipe")
	output := flag.String("output", "", "file to write")
	flag.Parse()
	if err := generate(*source, *output); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func generate(source, output string) error {
	page, err := reference(source)
	if err != nil {
		return err
	}
	return os.WriteFile(output, page, 0o644)
}
