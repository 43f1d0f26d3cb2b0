package soak_test

import (
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }
