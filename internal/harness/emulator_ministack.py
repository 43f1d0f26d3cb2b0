# Starts ministack, which looks for due schedules every ten seconds, so that it
# looks for them twice a second.
from ministack.services import scheduler

scheduler._SCHEDULE_TICK_INTERVAL = 0.5

from ministack.app import main

main()
