"""shows. Streamlit pages that control and display; they never talk to Plex, the network or SQL themselves."""
