package pipeline

import (
	"context"
	"errors"
)

func (r *round) mergeAdapter(ctx context.Context, adapter string, check *mergeCheck) error {
	return errors.New("not yet")
}
