package stack

import (
	"fmt"
	"strconv"
)

// element is the path of one element of a map, as HCL spells it:
// routes["POST /orders"].
func element(attribute, key string) string { return attribute + "[" + strconv.Quote(key) + "]" }

// index is the path of one element of a list: permissions[0].
func index(attribute string, i int) string { return fmt.Sprintf("%s[%d]", attribute, i) }
