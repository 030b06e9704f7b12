#ifndef PARCLOSE_REPLAY_REPLAY_H
#define PARCLOSE_REPLAY_REPLAY_H

// What the program parclose-replay finds when it is started.
#define REPLAY_CHANNEL_FD 3 // its end of session/view-channel.h
#define REPLAY_FILE_FD 4 // the recording, opened for reading

#endif
