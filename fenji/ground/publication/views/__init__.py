"""Pages of this room: `public` for everybody, `staff` for those who publish, `announcements` inside the house."""
