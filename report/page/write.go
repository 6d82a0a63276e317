package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html style.css charts.js lib/*.js lib/LICENSE-*
var assets embed.FS

// The scripts of a page, in the order in which they are loaded. D3 and Plot are other people's: lib/fetch says whose.
var scripts = []string{"lib/d3.min.js", "lib/plot.umd.min.js", "charts.js"}

// Scripts is the names of the page's scripts, in the order in which they are to be loaded.
func Scripts() []string { return scripts }

// Asset is a script or the style sheet of the page by its name; ok is false where there is none.
func Asset(name string) (content []byte, ok bool) {
	content, err := assets.ReadFile(name)
	return content, err == nil
}

// StyleSheet is the name of the page's style sheet.
const StyleSheet = "style.css"

// Write writes the page as one file that asks nobody for anything: the browser is told to refuse it, too. Equal pages
// give equal bytes.
func (p *Page) Write(w io.Writer) error {
	t, err := template.ParseFS(assets, "page.html")
	if err != nil {
		return err
	}
	file, err := p.file()
	if err != nil {
		return err
	}
	var out bytes.Buffer // a template that fails leaves nothing half written
	if err := t.ExecuteTemplate(&out, "file", file); err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}

// Main writes the page without what surrounds it, for a page that loads style sheet and scripts by itself.
func (p *Page) Main(w io.Writer) error {
	t, err := template.ParseFS(assets, "page.html")
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "main", p)
}

// file is what the template of the whole file gets.
type file struct {
	*Page
	Policy   string
	Style    template.CSS
	Data     template.JS // of Drawings
	Scripts  []template.JS
	Licences []licence
}

type licence struct{ Name, Text string }

func (p *Page) file() (*file, error) {
	f := &file{Page: p}
	data, err := json.Marshal(p.Drawings()) // writes < as \u003c, so that no text ends the script
	if err != nil {
		return nil, err
	}
	f.Data = template.JS(data)
	style, err := assets.ReadFile(StyleSheet)
	if err != nil {
		return nil, err
	}
	f.Style = template.CSS(style)
	policy := []string{"default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "base-uri 'none'", "form-action 'none'", "script-src"}
	for _, name := range scripts {
		content, err := assets.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f.Scripts = append(f.Scripts, template.JS(content))
		sum := sha256.Sum256(content)
		policy[len(policy)-1] += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	f.Policy = strings.Join(policy, "; ")
	return f, f.readLicences()
}

func (f *file) readLicences() error {
	entries, err := assets.ReadDir("lib")
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "LICENSE-")
		if !ok {
			continue
		}
		text, err := assets.ReadFile("lib/" + e.Name())
		if err != nil {
			return err
		}
		f.Licences = append(f.Licences, licence{name, strings.TrimSpace(string(text))})
	}
	return nil
}
