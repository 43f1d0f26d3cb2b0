package stack

import "strconv"

// element is the path of one element of a map, as HCL spells it:
// routes["POST /orders"].
func element(attribute, key string) string { return attribute + "[" + strconv.Quote(key) + "]" }
