package prompt

import (
	"strings"
	"testing"
)

func TestTemplate(t *testing.T) {
	for _, tc := range []struct {
		name, written, text, want, show string
	}{
		{"none", "", "text", "text", `""`},
		{"prefix", "query: ", "text", "query: text", `"query: "`},
		{"placeholder", "<{}>", "text", "<text>", `"<{}>"`},
		{"newline in the template", `<instruct>x\n<query>{}`, "q", "<instruct>x\n<query>q", `"<instruct>x\n<query>{}"`},
		{"newline as last thing of a prefix", `Instruct: x\nQuery: `, "q", "Instruct: x\nQuery: q", `"Instruct: x\nQuery: "`},
		{"a real newline", "a\nb: ", "q", "a\nb: q", `"a\nb: "`},
		{"backslash n in the text", `p: `, `\nabla and {}`, `p: \nabla and {}`, `"p: "`},
		{"placeholder in the text", `[{}]`, `{}`, `[{}]`, `"[{}]"`},
		{"other escapes stay", `\frac \t `, "q", `\frac \t q`, `"\frac \t "`},
		{"not ASCII", "запрос: {}", "é", "запрос: é", `"запрос: {}"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			template, err := Parse(tc.written)
			if err != nil {
				t.Fatal(err)
			}
			if got := template.Apply(tc.text); got != tc.want {
				t.Errorf("apply: got %q, want %q", got, tc.want)
			}
			if got := template.Show(); got != tc.show {
				t.Errorf("show: got %s, want %s", got, tc.show)
			}
		})
	}
}

func TestParseRefusesTwoPlaceholders(t *testing.T) {
	_, err := Parse(`<a>{}\n<b>{}`)
	want := `prompt "<a>{}\n<b>{}": 2 placeholders {}, want at most one`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestShowOfStoredTemplates(t *testing.T) {
	for _, tc := range []struct {
		name   string
		stored Template
		want   string
	}{
		{"tab", "a\tb", `"a\x09b"`},
		{"a backslash and an n that are two characters", Template("a\\nb\n"), `"a\\nb\n"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.stored.Show(); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	format, err := ParseFormat(`<instruct>{}\n<query>{}`)
	if err != nil {
		t.Fatal(err)
	}
	template, err := format.With(`Find \nabla`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := template.Apply("q {}"), "<instruct>Find \\nabla\n<query>q {}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := format.With("a {} b"); err == nil || !strings.Contains(err.Error(), "must not contain {}") {
		t.Errorf("an instruction with a placeholder: got %v", err)
	}
	for _, written := range []string{"", "{}", "{}{}{}"} {
		if _, err := ParseFormat(written); err == nil || !strings.Contains(err.Error(), "want two") {
			t.Errorf("format %q: got %v", written, err)
		}
	}
}

func TestExamples(t *testing.T) {
	const template, suffix = Template("<instruct>Find it\n<query>{}"), "\n<response>"
	for _, tc := range []struct {
		name     string
		examples []Example
		want     string
	}{
		{"none", nil, ""},
		{"one", []Example{{"1 + 1", "2"}}, "<instruct>Find it\n<query>1 + 1\n<response>2\n\n"},
		{"two, and data is not looked into", []Example{{"{}", `\nabla`}, {"b", "c"}},
			"<instruct>Find it\n<query>{}\n<response>\\nabla\n\n<instruct>Find it\n<query>b\n<response>c\n\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Examples(template, suffix, tc.examples); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := ParseSuffix(`\n<response>`); got != suffix {
		t.Errorf("suffix %q", got)
	}
}

// FuzzParseFormat: what is written is refused, or a format that holds its instruction and its text, in this order and whole.
func FuzzParseFormat(f *testing.F) {
	for _, seed := range []string{`<instruct>{}\n<query>{}`, "{}{}", "{} {} {}", "{}", `{\n}{}{}`, `\\n{}\n{}`} {
		f.Add(seed, `\nabla`, `{} \n`)
	}
	f.Fuzz(func(t *testing.T, written, instruction, text string) {
		format, err := ParseFormat(written)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "instruction format ") {
				t.Errorf("%v does not say what is wrong", err)
			}
			return
		}
		template, err := format.With(instruction)
		if err != nil {
			if !strings.Contains(instruction, "{}") {
				t.Errorf("%q refuses %q: %v", written, instruction, err)
			}
			return
		}
		parts := strings.Split(string(format), "{}")
		if got, want := template.Apply(text), parts[0]+instruction+parts[1]+text+parts[2]; got != want {
			t.Errorf("%q gives %q, want %q", written, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "query: ", `<instruct>a\n<query>{}`, "{}{}", `\\n`} {
		f.Add(seed, `\nabla {}`)
	}
	f.Fuzz(func(t *testing.T, written, text string) {
		template, err := Parse(written)
		if err != nil {
			return
		}
		if got := template.Apply(text); !strings.Contains(got, text) || len(got) < len(text) {
			t.Errorf("%q lost its text %q: %q", written, text, got)
		}
		if strings.Contains(template.Show(), "\n") {
			t.Errorf("%q shows on two lines", written)
		}
	})
}
