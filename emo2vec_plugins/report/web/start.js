// Put the page together, once all parts are there.

startLooks();
startSound();
startLanes();
startOverview();
startCurves();
startDetails();
startTable();
startSummary();
startKeys();
