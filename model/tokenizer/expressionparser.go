package tokenizer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parseExpression reads a regular expression.
func parseExpression(source string) (expression, error) {
	p := expressionParser{rest: source}
	sequence, err := p.alternatives()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%q closes nothing", p.rest)
	}
	if err == nil && sequence.least() == 0 {
		err = errors.New("it may match nothing")
	}
	if err == nil && sequence.size() > mostNodes {
		err = errors.New("it is too large")
	}
	if err != nil {
		return expression{}, fmt.Errorf("the regular expression %q is not supported: %w", source, err)
	}
	return expression{sequence.link(nil)}, nil
}

// most nodes that an expression may have, which repeated groups multiply.
const mostNodes = 1_000

// term is a part of an expression before it is linked to what follows: alternatives of sequences, or a node.
type term struct {
	ways     [][]term // where node is nil
	node     *node
	min, max int // how often the alternatives are repeated
}

// least returns the fewest characters that a term matches.
func (t term) least() int {
	switch {
	case t.node != nil && t.node.kind == oneOf:
		return t.node.min
	case t.node != nil:
		return 0
	}
	least := -1
	for _, way := range t.ways {
		sum := 0
		for _, part := range way {
			sum += part.least()
		}
		if least < 0 || sum < least {
			least = sum
		}
	}
	return least * t.min
}

// size returns how many nodes link makes, or more than mostNodes.
func (t term) size() int {
	if t.node != nil {
		return 1
	}
	sum := 1
	for _, way := range t.ways {
		for _, part := range way {
			sum = min(sum+part.size(), mostNodes+1)
		}
	}
	return min(sum*max(1, t.max), mostNodes+1)
}

// link makes the nodes of a term that goes on to next.
func (t term) link(next *node) *node {
	if t.node != nil {
		n := *t.node
		n.next = next
		return &n
	}
	after := next // whoever leaves out one repetition leaves out the rest
	for range t.max - t.min {
		next = &node{kind: either, ways: []*node{t.once(next), after}}
	}
	for range t.min {
		next = t.once(next)
	}
	return next
}

func (t term) once(next *node) *node {
	n := &node{kind: either}
	for _, way := range t.ways {
		at := next
		for i := len(way) - 1; i >= 0; i-- {
			at = way[i].link(at)
		}
		n.ways = append(n.ways, at)
	}
	if len(n.ways) == 1 {
		return n.ways[0]
	}
	return n
}

// expressionParser reads what is left of an expression.
type expressionParser struct {
	rest  string
	fold  bool // within (?i:…)
	depth int
}

func (p *expressionParser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

// alternatives reads up to the end of a group.
func (p *expressionParser) alternatives() (term, error) {
	if p.depth++; p.depth > 50 {
		return term{}, errors.New("more than 50 groups within each other")
	}
	defer func() { p.depth-- }()
	t := term{ways: [][]term{nil}, min: 1, max: 1}
	for p.rest != "" && p.rest[0] != ')' {
		if p.take("|") {
			t.ways = append(t.ways, nil)
			continue
		}
		part, err := p.repeated()
		if err != nil {
			return term{}, err
		}
		last := len(t.ways) - 1
		t.ways[last] = append(t.ways[last], part)
		if err := p.checkFolding(t.ways[last]); err != nil {
			return term{}, err
		}
	}
	return t, nil
}

// checkFolding refuses letters in a row that a single character stands for where case does not matter: ß for ss.
func (p *expressionParser) checkFolding(way []term) error {
	if !p.fold || len(way) < 2 {
		return nil
	}
	a, b := way[len(way)-2].node, way[len(way)-1].node
	if a == nil || b == nil || a.kind != oneOf || b.kind != oneOf {
		return nil
	}
	for _, pair := range []string{"ss", "st", "ff", "fi", "fl"} {
		if a.set.ascii[pair[0]] && b.set.ascii[pair[1]] {
			return fmt.Errorf("%q where case does not matter", pair)
		}
	}
	return nil
}

// repeated reads one part with what says how often.
func (p *expressionParser) repeated() (term, error) {
	t, err := p.single()
	if err != nil {
		return term{}, err
	}
	least, most, ok, err := p.quantifier()
	if err != nil || !ok {
		return t, err
	}
	if t.node == nil {
		if most < 0 || most > 10 {
			return term{}, errors.New("a group that repeats more than ten times")
		}
		if most > 1 && t.least() == 0 {
			return term{}, errors.New("a group that repeats and may match nothing")
		}
		t.min, t.max = least, most
		if p.rest != "" && strings.IndexByte("?+*{", p.rest[0]) >= 0 {
			return term{}, fmt.Errorf("%q after how often a group repeats", p.rest[:1])
		}
		return t, nil
	}
	if t.node.kind != oneOf {
		return term{}, errors.New("repetition of what matches nothing")
	}
	t.node.min, t.node.max = least, most
	return t, p.mode(t.node)
}

// quantifier reads ?, *, + or {…}.
func (p *expressionParser) quantifier() (least, most int, ok bool, err error) {
	switch {
	case p.take("?"):
		return 0, 1, true, nil
	case p.take("*"):
		return 0, -1, true, nil
	case p.take("+"):
		return 1, -1, true, nil
	case !p.take("{"):
		return 0, 0, false, nil
	}
	inside, rest, closed := strings.Cut(p.rest, "}")
	from, to, comma := strings.Cut(inside, ",")
	p.rest = rest
	least, err = strconv.Atoi(from)
	if from == "" && comma {
		least, err = 0, nil
	}
	most = least
	if comma {
		if most = -1; to != "" && err == nil {
			most, err = strconv.Atoi(to)
		}
	}
	if err != nil || !closed || least < 0 || least > 1000 || most > 1000 || most >= 0 && most < least {
		return 0, 0, false, fmt.Errorf("{%s", inside)
	}
	if p.rest != "" && strings.IndexByte("?+", p.rest[0]) >= 0 {
		return 0, 0, false, fmt.Errorf("{%s}%s", inside, p.rest[:1])
	}
	return least, most, true, nil
}

// mode reads what follows how often: ? for as seldom as possible, + for giving nothing back.
func (p *expressionParser) mode(n *node) error {
	n.lazy = p.take("?")
	n.atomic = !n.lazy && p.take("+")
	if p.rest != "" && strings.IndexByte("?+*{", p.rest[0]) >= 0 {
		return fmt.Errorf("%q after how often a part repeats", p.rest[:1])
	}
	return nil
}

func nodeOf(s *runeSet) term { return term{node: &node{kind: oneOf, set: s.finish(), min: 1, max: 1}} }

// single reads a group, a set or a character.
func (p *expressionParser) single() (term, error) {
	switch {
	case p.take("(?!"):
		return p.look(true)
	case p.take("(?="):
		return p.look(false)
	case p.take("(?i:"):
		return p.group(true)
	case p.take("(?:"):
		return p.group(p.fold)
	case strings.HasPrefix(p.rest, "(?"):
		return term{}, fmt.Errorf("the group %q", p.rest[:min(4, len(p.rest))])
	case p.take("("):
		return p.group(p.fold)
	case p.take("["):
		set, err := p.set()
		if err != nil {
			return term{}, err
		}
		return nodeOf(set), nil
	case p.take("."):
		return nodeOf(&runeSet{items: []setItem{{low: '\n', high: '\n'}}, negated: true}), nil
	case p.take("$"):
		return term{node: &node{kind: textEnd}}, nil
	case strings.IndexByte("^*+?{", p.rest[0]) >= 0:
		return term{}, fmt.Errorf("%q here", p.rest[:1])
	}
	item, err := p.item()
	if err != nil {
		return term{}, err
	}
	set, err := (&runeSet{items: []setItem{item}}).merged()
	if err != nil {
		return term{}, err
	}
	if p.fold {
		if set, err = folded(item); err != nil {
			return term{}, err
		}
	}
	return nodeOf(set), nil
}

func (p *expressionParser) group(fold bool) (term, error) {
	outside := p.fold
	p.fold = fold
	t, err := p.alternatives()
	p.fold = outside
	if err == nil && !p.take(")") {
		err = errors.New("a group is not closed")
	}
	return t, err
}

func (p *expressionParser) look(negative bool) (term, error) {
	inside, err := p.group(p.fold)
	if err == nil && inside.size() > mostNodes {
		err = errors.New("it is too large")
	}
	if err != nil {
		return term{}, err
	}
	ahead := inside.link(nil)
	if ahead == nil {
		return term{}, errors.New("looking ahead for nothing")
	}
	return term{node: &node{kind: looking, ahead: ahead, negative: negative}}, nil
}
