"""Relip in Nuke, always run: registers the gizmos and the callbacks.

Nuke puts this folder on ``sys.path`` before it runs this file.
"""

from relip_nuke import callbacks

callbacks.register()
