package lora

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Target is a linear module that a configuration puts an adapter on.
type Target struct {
	Module
	Rank    int
	Scaling float64 // factor of B·A
}

// Match returns the modules that the configuration selects, in their order, by PEFT's rules. A name or pattern that
// selects none is an error: it is misspelt or meant for another network.
func (c Config) Match(modules []Module) ([]Target, error) {
	targets, err := c.match(modules, "")
	if err != nil {
		return nil, err
	}
	if len(targets) == 0 {
		wanted := strings.Join(c.Targets.Names, ", ") + c.Targets.Pattern
		return nil, fmt.Errorf("target_modules %s match no linear module; there are %s", wanted, summary(modules))
	}
	for _, name := range c.Targets.Names {
		if !slices.ContainsFunc(targets, func(t Target) bool { return ends(t.Name, name) }) {
			return nil, fmt.Errorf("target_modules: %q matches no linear module; there are %s", name, summary(modules))
		}
	}
	return targets, nil
}

// match applies the rules to names with a prefix before them: those of the network that the adapter was trained in.
func (c Config) match(modules []Module, prefix string) ([]Target, error) {
	m, err := c.matcher()
	if err != nil {
		return nil, err
	}
	var targets []Target
	for _, module := range modules {
		name := prefix + module.Name
		if !m.selects(name) {
			continue
		}
		rank := int(first(m.ranks, name, float64(c.Rank)))
		alpha := first(m.alphas, name, c.Alpha)
		targets = append(targets, Target{Module: module, Rank: rank, Scaling: c.Scaling(rank, alpha)})
	}
	return targets, nil
}

// matcher is a configuration with its regular expressions compiled.
type matcher struct {
	config        Config
	target        *regexp.Regexp // nil: by names, or all linear modules
	exclude       *regexp.Regexp
	saved, layers []*regexp.Regexp // each of layers has a group "layer", the number
	ranks, alphas []compiledOverride
}

type compiledOverride struct {
	pattern *regexp.Regexp
	value   float64
}

// matcher compiles with re.match's and re.fullmatch's anchors spelt out. The expressions are PEFT's own, in
// peft.tuners.tuners_utils.check_target_module_exists and peft.utils.other.get_pattern_key.
func (c Config) matcher() (*matcher, error) {
	m := &matcher{config: c}
	var err error
	if c.Targets.Pattern != "" && !c.Targets.allLinear() {
		if m.target, err = compile("target_modules", c.Targets.Pattern, "^(?:", ")$"); err != nil {
			return nil, err
		}
	}
	if c.Exclude.Pattern != "" {
		if m.exclude, err = compile("exclude_modules", c.Exclude.Pattern, "^(?:", ")$"); err != nil {
			return nil, err
		}
	}
	for _, group := range []struct {
		key           string
		patterns      []string
		before, after string
		into          *[]*regexp.Regexp
	}{
		{"modules_to_save", c.ModulesToSave, `^(?:(?:^|.*\.)`, `(?:$|\..*))`, &m.saved},
		{"layers_pattern", c.LayersPattern, `^(?:(?:^|.*?\.)`, `\.(?P<layer>\d+)\.)`, &m.layers},
	} {
		for _, pattern := range group.patterns {
			compiled, err := compile(group.key, pattern, group.before, group.after)
			if err != nil {
				return nil, err
			}
			*group.into = append(*group.into, compiled)
		}
	}
	if m.layers == nil { // the first number in a name
		m.layers = append(m.layers, regexp.MustCompile(`^.*?\.[^.]*\.(?P<layer>\d+)\.`))
	}
	if m.ranks, err = compileOverrides("rank_pattern", c.RankPattern); err != nil {
		return nil, err
	}
	m.alphas, err = compileOverrides("alpha_pattern", c.AlphaPattern)
	return m, err
}

func compileOverrides(key string, list []Override) ([]compiledOverride, error) {
	var out []compiledOverride
	for _, o := range list {
		pattern, err := compile(key, o.Pattern, `^(?:(?:.*\.)?(?:`, `)$)`)
		if err != nil {
			return nil, err
		}
		out = append(out, compiledOverride{pattern, o.Value})
	}
	return out, nil
}

// compile takes Python's syntax as far as Go's is the same. Go has no look-around and no back-references, and reads {,n}
// as text.
func compile(key, pattern, before, after string) (*regexp.Regexp, error) {
	if strings.Contains(pattern, "{,") {
		return nil, fmt.Errorf("%s: %q: write {0,n} for {,n}", key, pattern)
	}
	compiled, err := regexp.Compile(before + pattern + after)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is not a regular expression that is supported (no look-around, no back-references): %w", key, pattern, err)
	}
	return compiled, nil
}

func first(list []compiledOverride, name string, fallback float64) float64 {
	for _, o := range list {
		if o.pattern.MatchString(name) {
			return o.value
		}
	}
	return fallback
}

// selects is PEFT's check_target_module_exists.
func (m *matcher) selects(name string) bool {
	if m.excludes(name) || m.isSaved(name) {
		return false
	}
	c := m.config
	switch {
	case c.Targets.allLinear():
		return true
	case m.target != nil:
		return m.target.MatchString(name)
	case slices.Contains(c.Targets.Names, name):
		return true // a name in full is not subject to layers_to_transform
	}
	suffixed := slices.ContainsFunc(c.Targets.Names, func(target string) bool { return strings.HasSuffix(name, "."+target) })
	return suffixed && (c.LayersToTransform == nil || m.inLayers(name))
}

func (m *matcher) excludes(name string) bool {
	if m.exclude != nil {
		return m.exclude.MatchString(name)
	}
	return slices.ContainsFunc(m.config.Exclude.Names, func(excluded string) bool { return ends(name, excluded) })
}

// isSaved reports whether a module, or the module of a parameter, is one of modules_to_save.
func (m *matcher) isSaved(name string) bool {
	return slices.ContainsFunc(m.saved, func(saved *regexp.Regexp) bool { return saved.MatchString(name) })
}

func (m *matcher) inLayers(name string) bool {
	for _, pattern := range m.layers {
		found := pattern.FindStringSubmatch(name)
		if found == nil {
			continue
		}
		layer, err := strconv.Atoi(found[pattern.SubexpIndex("layer")])
		return err == nil && slices.Contains(m.config.LayersToTransform, layer)
	}
	return false
}

// ends reports whether a name is the suffix or ends in it after a dot.
func ends(name, suffix string) bool { return name == suffix || strings.HasSuffix(name, "."+suffix) }

// summary lists the last parts of modules' names, each once, as one would write them in target_modules.
func summary(modules []Module) string {
	var parts []string
	for _, m := range modules {
		part := m.Name[strings.LastIndex(m.Name, ".")+1:]
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
