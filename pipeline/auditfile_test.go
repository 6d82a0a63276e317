package pipeline

import (
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/internal/formatpage"
)

// TestThePageNamesEveryKeyOfAnAudit holds docs/formats/audit.md to audit.json.
func TestThePageNamesEveryKeyOfAnAudit(t *testing.T) {
	formatpage.Check(t, filepath.Join("..", "docs", "formats", "audit.md"), auditFile{})
}
