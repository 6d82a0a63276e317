package recipe

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// WithData returns the text of a recipe under another name, with other training and dev queries, comments and all else as
// they are. The paths are as the recipe would write them. It is for recipes that Parse takes.
func WithData(text []byte, name, train, dev string) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the recipe is no mapping")
	}
	root := document.Content[0]
	data := valueOf(root, "data")
	if data == nil || data.Kind != yaml.MappingNode {
		return nil, errors.New("the recipe has no section data")
	}
	setValue(root, "name", name)
	setValue(data, "train", train)
	setValue(data, "dev", dev)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, fmt.Errorf("write the recipe: %w", err)
	}
	return out.Bytes(), encoder.Close()
}

// valueOf is the value of a key, nil where there is none. An alias stands for what it names.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			if value := mapping.Content[i+1]; value.Kind != yaml.AliasNode {
				return value
			}
			return mapping.Content[i+1].Alias
		}
	}
	return nil
}

// setValue replaces the value of a key, or adds the key at the end.
func setValue(mapping *yaml.Node, key, value string) {
	node := textNode(value)
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			node.LineComment = mapping.Content[i+1].LineComment
			mapping.Content[i+1] = node
			return
		}
	}
	mapping.Content = append(mapping.Content, textNode(key), node)
}
