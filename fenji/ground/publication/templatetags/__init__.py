"""Tags of the public pages and of those who publish: `{% load publication %}`."""
