package aws

import (
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

func TestRich(t *testing.T) {
	w := open(t, acctest.Moto, rich...)
	w.Apply()
	w.EmptyPlan()
	w.destroyAll()
}
