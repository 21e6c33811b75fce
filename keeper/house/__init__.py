"""What the House is built of besides doors, store and world. Part of the wiring; nothing here decides."""
