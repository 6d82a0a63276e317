package recipe

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// checkText refuses bytes that YAML cannot hold, with their line, which the parser would not tell.
func (d *decoder) checkText(content []byte) error {
	line := 1
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRune(content[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			return fmt.Errorf("%s:%d: not UTF-8: save the recipe as UTF-8", d.file, line)
		case r < ' ' && !strings.ContainsRune("\t\n\r", r), r == 0x7f:
			return fmt.Errorf("%s:%d: control character %U: remove it", d.file, line, r)
		case r == '\n':
			line++
		}
		at += size
	}
	return nil
}

// checkVersion refuses a recipe of a later language before anything else in it is called unknown.
func (d *decoder) checkVersion(root *yaml.Node) error {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		var version int
		if key.Value == "version" && value.ShortTag() == "!!int" && value.Decode(&version) == nil && version > Version {
			return fmt.Errorf("%s:%d: version %d is newer than this quarry reads (%d): update quarry", d.file, key.Line, version, Version)
		}
	}
	return nil
}

var (
	yamlLine      = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	parserError   = regexp.MustCompile(`^(did not find expected (<|node|'-'|key|',' or)|found undefined tag|found duplicate %)`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxError puts the YAML library's error into the form of all others. Errors of its parser count lines from 0, those
// of its scanner from 1, and both leave out a zero; that of an unknown anchor has no line.
func (d *decoder) syntaxError(content []byte, err error) error {
	parts := yamlLine.FindStringSubmatch(err.Error())
	if parts == nil {
		return fmt.Errorf("%s: not YAML: %w", d.file, err)
	}
	line, message := 1, parts[2]
	if number, err := strconv.Atoi(parts[1]); err == nil {
		line = number
		if parserError.MatchString(message) {
			line++
		}
	}
	if anchor := unknownAnchor.FindStringSubmatch(message); anchor != nil {
		if at := bytes.Index(content, []byte("*"+anchor[1])); at >= 0 {
			line = 1 + bytes.Count(content[:at], []byte("\n"))
		}
	}
	return fmt.Errorf("%s:%d: not YAML: %s", d.file, line, message)
}
