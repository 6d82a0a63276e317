package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// ids reads a list of token ids and checks that the network can take it.
func (t textFile) ids(raw json.RawMessage) ([]int32, error) {
	var numbers []json.RawMessage
	if err := json.Unmarshal(raw, &numbers); err != nil {
		return nil, errors.New(`"ids": want a list of token ids`)
	}
	ids := make([]int32, len(numbers))
	for i, number := range numbers {
		id, err := strconv.ParseInt(string(number), 10, 32)
		if err != nil {
			return nil, fmt.Errorf(`"ids"[%d]: %s is no token id: want whole numbers`, i, number)
		}
		ids[i] = int32(id)
	}
	if len(ids) == 0 {
		return nil, errors.New(`"ids": no token ids`)
	}
	if t.limits == nil {
		return ids, nil
	}
	if len(ids) > t.limits.positions {
		return nil, fmt.Errorf(`"ids": %d tokens, and the model has %d positions; ids are taken as they are, never cut`, len(ids), t.limits.positions)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= t.limits.vocabulary {
			return nil, fmt.Errorf(`"ids"[%d]: token %d, and the model has tokens 0 to %d`, i, id, t.limits.vocabulary-1)
		}
	}
	return ids, nil
}
