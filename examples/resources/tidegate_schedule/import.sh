# By the name of the stack.
terraform import tidegate_schedule.reports reports
