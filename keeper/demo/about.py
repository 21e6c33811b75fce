"""The large, dull tables a server tells about itself: root attributes, account, preferences, butler tasks."""

from __future__ import annotations

from keeper.demo.nodes import Attrs, Node

VERSION = "1.43.3.10812-0de300c0d"
NEWER_VERSION = "1.44.0.11000-0de30ffff"
OWNER = "owner@example.invalid"
ACCOUNT_SECRET = "made-up-account-secret-never-log"  # nosec B105  # noqa: S105 - opens nothing; tests look whether it leaks
DOWNLOAD = "https://downloads.example.invalid/latest/5?build=linux-x86_64&X-Plex-Token=made-up-download-secret"

_YES = (
    "allowCameraUpload allowChannelAccess allowSharing allowSync allowTuners backgroundProcessing certificate "
    "companionProxy eventStream hubSearch itemClusters mediaProviders multiuser myPlex myPlexSubscription pluginHost "
    "requestParametersInCookie sync transcoderAudio transcoderLyrics transcoderPhoto transcoderSubtitles "
    "transcoderVideo updater voiceSearch"
)
_DOORS = (
    "activities butler channels clients devices diagnostics hubs library livetv media metadata playQueues player "
    "playlists resources search server servers statistics system transcode updater user"
)
_ROOT: Attrs = {
    "countryCode": "usa",
    "diagnostics": "logs,databases,streaminglogs",
    "friendlyName": "Demo Server",
    "livetv": 7,
    "myPlexUsername": OWNER,
    "offlineTranscode": 1,
    "ownerFeatures": "adaptive_bitrate,content_filter,hardware_transcoding,home,lyrics,pass,session_kick,webhooks",
    "platform": "Linux",
    "platformVersion": "6.1.0 (Demo)",
    "pushNotifications": False,
    "readOnlyLibraries": False,
    "streamingBrainABRVersion": 3,
    "streamingBrainVersion": 2,
    "transcoderVideoBitrates": "64,96,208,320,720,1500,2000,3000,4000,8000,10000,12000,20000",
    "transcoderVideoQualities": "0,1,2,3,4,5,6,7,8,9,10,11,12",
    "transcoderVideoResolutions": "128,128,160,240,320,480,768,720,720,1080,1080,1080,1080",
    "version": VERSION,
}
ACCOUNT: Attrs = {
    "authToken": ACCOUNT_SECRET,
    "username": OWNER,
    "publicAddress": "203.0.113.20",
    "publicPort": "32400",
    "privateAddress": "192.0.2.20",
    "privatePort": "32400",
    "subscriptionFeatures": "pass,webhooks,lyrics",
    "subscriptionActive": True,
    "subscriptionState": "Active",
}

# name -> (type, default, label, group)
PREFERENCES: dict[str, tuple[str, str, str, str]] = {
    "FriendlyName": ("text", "Demo Server", "Friendly name", "general"),
    "autoEmptyTrash": ("bool", "true", "Empty trash automatically after every scan", "library"),
    "FSEventLibraryUpdatesEnabled": ("bool", "false", "Scan my library automatically", "library"),
    "ScheduledLibraryUpdatesEnabled": ("bool", "false", "Scan my library periodically", "library"),
    "PublishServerOnPlexOnlineKey": ("bool", "true", "Remote access", "network"),
    "butlerStartHour": ("int", "2", "Time at which tasks start to run", "butler"),
    "butlerEndHour": ("int", "5", "Time at which tasks stop running", "butler"),
    "TranscoderTempDirectory": ("text", "", "Transcoder temporary directory", "transcoder"),
    "LogVerbose": ("bool", "false", "Verbose logging", "general"),
}

# name -> days between two runs; a minus sign says that the task is switched off
BUTLER_TASKS = {
    "AutomaticUpdates": -1,
    "BackupDatabase": 3,
    "ButlerTaskGenerateAdMarkers": -1,
    "ButlerTaskGenerateCreditsMarkers": 1,
    "ButlerTaskGenerateIntroMarkers": 1,
    "ButlerTaskGenerateVoiceActivity": 1,
    "CleanOldBundles": 7,
    "CleanOldCacheFiles": 7,
    "DeepMediaAnalysis": 1,
    "GarbageCollectBlobs": 7,
    "GarbageCollectLibraryMedia": 1,
    "GenerateBlurHashes": 1,
    "GenerateChapterThumbs": 1,
    "GenerateMediaIndexFiles": -1,
    "LoudnessAnalysis": 1,
    "MusicAnalysis": 1,
    "OptimizeDatabase": 7,
    "RefreshEpgGuides": 1,
    "RefreshLibraries": -1,
    "RefreshLocalMedia": 3,
    "RefreshPeriodicMetadata": 1,
    "UpgradeMediaAnalysis": 1,
}


def root_attrs() -> Attrs:
    """Flags that are off are absent (allowMediaDeletion is), not '0'."""
    return {**dict.fromkeys(_YES.split(), True), **_ROOT}


def root_directories() -> list[Node]:
    return [Node("Directory", {"count": 1, "key": name, "title": name}) for name in _DOORS.split()]


def butler_tasks() -> Node:
    """The root is ButlerTasks here, not a MediaContainer."""
    return Node("ButlerTasks", {}, [_task(name, days) for name, days in BUTLER_TASKS.items()])


def _task(name: str, days: int) -> Node:
    attrs: Attrs = {"name": name, "interval": abs(days), "scheduleRandomized": name.startswith("Refresh")}
    return Node("ButlerTask", attrs | {"enabled": days > 0, "title": name, "description": f"Runs {name}"})


def preference(name: str, value: str | None) -> Node:
    kind, default, label, group = PREFERENCES[name]
    shown = default if value is None else value
    if kind == "bool":
        shown = {"1": "true", "0": "false"}.get(shown, shown)
    attrs: Attrs = {"id": name, "label": label, "summary": "", "type": kind, "default": default, "value": shown}
    return Node("Setting", attrs | {"hidden": False, "advanced": False, "group": group})
