// Put the page together, once all parts are there.

startLooks();
startSound();
startVisits();
startLanes();
startOverview();
startCurves();
startDetails();
startTable();
startSummary();
startKeys();
