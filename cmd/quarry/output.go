package main

import "os"

// mayWrite refuses an output that is a directory or one of the command's inputs, before anything is computed: the file
// that replaces it would be the end of what a user gave. Flags and paths of inputs alternate, as in need.
func mayWrite(flag, output string, inputs ...string) error {
	to, err := os.Stat(output)
	if err != nil {
		return nil // There is no such file yet, or writing it tells what is wrong.
	}
	if to.IsDir() {
		return badInputf("--%s %s is a directory: name a file", flag, output)
	}
	for i := 0; i < len(inputs); i += 2 {
		if from, err := os.Stat(inputs[i+1]); err == nil && from.Mode().IsRegular() && os.SameFile(from, to) {
			return badInputf("--%s %s is also --%s: choose another file, or the input would be lost", flag, output, inputs[i])
		}
	}
	return nil
}
