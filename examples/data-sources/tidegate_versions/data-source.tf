data "tidegate_versions" "fulfil" {
  stack    = "orders"
  function = "fulfil"
}

output "newest_version" {
  value = max(data.tidegate_versions.fulfil.versions[*].number...)
}
