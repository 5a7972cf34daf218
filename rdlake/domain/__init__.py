"""Values that the other rooms share: workspaces, runs, recordings, ids, panels."""
